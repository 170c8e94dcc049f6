"""The AWS durable execution SDK on the journal: its service client, and the timers it relies on."""
