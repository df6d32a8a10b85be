"""What finance asks of the ledger. Everything here reads; only `corrections` adds to it.

grouping     what a report adds up by: a column, a day or month of a zone, a tag
period       the days a report covers, in a zone; both ends belong to it
sheet        rows under columns on their way to a file or a terminal, never held all at once
statement    the provider's bill; its lines are matched with charges
finding      one line or charge on which ledger and statement differ
swap         one model in another's place, in calls that were made
obstacle     why a call could not have gone to another model
"""
