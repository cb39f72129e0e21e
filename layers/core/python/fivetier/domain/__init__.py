"""The payer domain: pure rules, no AWS, no clock, no environment."""
