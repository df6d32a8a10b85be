-- A role for Grafana that reads the two tables of money and nothing else: no key, no answer.
-- Runs after Farebox has made its tables, as often as you like:
--   READER_PASSWORD=… psql --file=reader.sql
\getenv password READER_PASSWORD
SELECT 'CREATE ROLE farebox_reader LOGIN'
WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'farebox_reader') \gexec
ALTER ROLE farebox_reader PASSWORD :'password';
ALTER ROLE farebox_reader SET default_transaction_read_only = on;
GRANT SELECT ON spend, charges TO farebox_reader;
