"""The ledger: the only code that writes money.

An **operation** is decided in Python under the write lock, on a `View` loaded and saved by
`rows`, in a transaction of a `Store`; the **writer** thread turns whatever is queued into one
commit. **entries** are only ever added; **charges** and **balances** are what they come to.
The pure part, each resting on those before it: `fare`, `refusals`, `view`, `operation`,
`settlement`, `reserve` and `outcomes`.
"""
