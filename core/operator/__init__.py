"""What an operator keeps: tenants, administrators, gateways, rights and the audit log."""
