"""Adapters: the ports of `fivetier.app` on S3, DynamoDB, Step Functions, Glue and Iceberg."""
