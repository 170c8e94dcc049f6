"""Runs on AWS in simulated time: the real definition, invoker and journal on another clock."""
