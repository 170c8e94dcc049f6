"""Executes runs: the AgentCore Runtime server, the durable workflows, their agents and tools."""
