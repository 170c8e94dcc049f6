"""The embedded AWS: an emulator, a stand-in for AgentCore, and the deployed template."""
