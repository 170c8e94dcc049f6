"""The cost analysis: reading bills, asking them questions, checking and writing what is found."""
