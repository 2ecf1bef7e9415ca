"""What the client does with single records, as commands: `servicetitan-crm customers list`."""
