"""Deployment: the CDK app, its SQL, and the local stack."""
