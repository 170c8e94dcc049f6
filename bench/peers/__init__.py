"""What people would use instead, measured beside Errand: programs in an environment of their own.

The programs here are run as files by that environment's interpreter and import nothing of ours.
"""
