"""The one definition of the state machine, for CDK, the local stack and the tests."""
