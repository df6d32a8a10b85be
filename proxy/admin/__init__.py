"""`/admin`: keys, teams, charges and prices over REST, for whoever holds the admin token.

asked         what a request may say: the models its body and query are read into
shown         what an answer says: the models it is made from
charge_shown  the same of charges
audit_shown   the same of what the audit kept
unsold        an allow-list that names what no price table sells
repeats       a POST under an Idempotency-Key, which is done once
endpoint      one operation: its method and path, its models, its words for the document
guard         who may ask: the token, and the back-off on those who guess it
routes        the map; a module of operations is added there in one line
document      the OpenAPI document and its pages, made from the map
"""
