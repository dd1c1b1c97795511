"""How systems talk: channels of messages to ERP and OMS, their delays, losses and outages."""
