-- What is published: one row per line of business, with who signed it and where the audit chain stood.
-- The cast keeps Athena from calling the view stale: Iceberg times have six digits, views of the Glue catalog three.
SELECT
    lob,
    sub_version,
    release_id,
    run_id,
    kind,
    base_release_id,
    manifest_digest,
    signers,
    audit_head,
    CAST(published_at AS TIMESTAMP(3)) AS published_at
FROM release
