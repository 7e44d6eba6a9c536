"""Billing of the live platform: the job that bills finished sessions, what a running one costs so far, and receipts on paper.

What the API and the console call: versions and assignments in `store.money`, bills, holding, release and void in `store.billing`, refunds,
payments and write-offs in `store.payments`, balances, statements and receipts in `store.ledger`; `running.cost_so_far`, and
`page.receipt_html`, `paper.receipt_pdf`, `sheet.receipt_csv` here.
"""
