"""A message is taken in by one function: its address held, its row written, or the first row of a repeat found.

Every webhook begins with it, and a repeated one is over with it. The statements follow one another inside, so that
what is told about the address is as it was left by the message before, which this one may have waited for.
"""

from migrations.scripts import run_script

revision = "0006"
down_revision = "0005"

FUNCTION = """
-- No row: the address is new to us. `first` is the row's id, that of the first message for a repeat; `asked`: the
-- address has questions it may still answer. With the caller's rights, so row-level security holds as everywhere.
CREATE FUNCTION take_in(p_tenant_id uuid, p_channel text, p_lookup bytea, p_id uuid, p_gateway text,
        p_external_id text, p_text text, p_received_at timestamptz, p_command text)
    RETURNS TABLE (first uuid, new boolean, address_id uuid, asked boolean)
    LANGUAGE plpgsql SET search_path = public
    AS $$
#variable_conflict use_column
DECLARE
    v_address_id uuid;
BEGIN
    SELECT a.id INTO v_address_id FROM addresses a
        WHERE a.tenant_id = p_tenant_id AND a.channel = p_channel AND a.lookup = p_lookup FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    INSERT INTO inbox (id, tenant_id, gateway, external_id, address_id, text, received_at, command)
        VALUES (p_id, p_tenant_id, p_gateway, p_external_id, v_address_id, p_text, p_received_at, p_command)
        ON CONFLICT (tenant_id, gateway, external_id) DO NOTHING;
    IF FOUND THEN
        RETURN QUERY SELECT p_id, true, v_address_id, EXISTS (
            SELECT FROM questions q WHERE q.address_id = v_address_id AND q.answered_at IS NULL);
    ELSE
        RETURN QUERY SELECT i.id, false, v_address_id, false FROM inbox i
            WHERE i.tenant_id = p_tenant_id AND i.gateway = p_gateway AND i.external_id = p_external_id;
    END IF;
END $$;
"""


def upgrade() -> None:
    """Make the function."""
    run_script(FUNCTION)
