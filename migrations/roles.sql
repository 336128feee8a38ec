-- The four roles of an Equb database. Run as a superuser (or a managed database's administrator) in the
-- database itself, before the first migration; running it again changes nothing. Passwords are not set here.
--
--   equb_owner   owns the schema and runs migrations; nothing else logs in as it
--   equb_app     api, worker and ticker; sees one tenant at a time, owns nothing
--   equb_ledger  nobody logs in: owns the posting functions, the only ones that may write the ledger
--   equb_scan    nobody logs in: owns the few functions that look across tenants (what is due). On the workers of
--                a Citus cluster the coordinator does, and `./equb distribute` lets it: such a function goes to
--                the shards as its owner

DO $$
DECLARE
    wanted record;
BEGIN
    FOR wanted IN
        SELECT * FROM (VALUES ('equb_owner', true), ('equb_app', true), ('equb_ledger', false),
                              ('equb_scan', false)) AS roles (name, may_log_in)
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name) THEN
            EXECUTE format('CREATE ROLE %I %s', wanted.name,
                           CASE WHEN wanted.may_log_in THEN 'LOGIN' ELSE 'NOLOGIN' END);
        END IF;
    END LOOP;
    -- A role of these names that somebody made mightier would silently undo what keeps tenants apart.
    SELECT rolname AS name INTO wanted FROM pg_roles
     WHERE rolname IN ('equb_owner', 'equb_app', 'equb_ledger', 'equb_scan')
       AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolreplication
            OR (rolcanlogin <> (rolname IN ('equb_owner', 'equb_app')) AND rolname <> 'equb_scan'))
     LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'role % has rights that it must not have', wanted.name;
    END IF;
    IF EXISTS (SELECT FROM pg_auth_members AS m
                WHERE m.member = 'equb_app'::regrole
                   OR m.member IN ('equb_ledger'::regrole, 'equb_scan'::regrole)) THEN
        RAISE EXCEPTION 'equb_app, equb_ledger and equb_scan must not be members of another role';
    END IF;
END
$$;

-- Migrations hand functions over to these two, and replace them later.
GRANT equb_ledger, equb_scan TO equb_owner WITH INHERIT TRUE, SET TRUE;

-- A forgotten transaction or a runaway query must not hold money's rows for long. A job that needs longer
-- says so with SET LOCAL.
ALTER ROLE equb_app SET statement_timeout = '30s';
ALTER ROLE equb_app SET lock_timeout = '10s';
ALTER ROLE equb_app SET idle_in_transaction_session_timeout = '60s';

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO equb_app', current_database());
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO equb_owner', current_database());
END
$$;
REVOKE ALL ON SCHEMA public FROM PUBLIC;
-- WITH GRANT OPTION: a migration lends equb_ledger and equb_scan the right to own a function there.
GRANT USAGE, CREATE ON SCHEMA public TO equb_owner WITH GRANT OPTION;
