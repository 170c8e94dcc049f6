"""Where letters are sent to."""

#: The folder's name of a mailbox: beside an embedded journal, and in the home of a local stack.
#: Here, because every start of the command needs the name, and few need what writes letters.
MAILBOX = "mailbox"
