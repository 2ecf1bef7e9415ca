"""`servicetitan-crm doctor`: what stands between this machine and the tenant, looked at from near to far."""
