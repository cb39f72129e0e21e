-- The history of earlier months: which lookback tells of a month, one row per line of business and month. What readers
-- see as current is in v_release.
SELECT
    lob,
    sub_version,
    release_id,
    base_release_id,
    manifest_digest,
    signers,
    audit_head,
    CAST(published_at AS TIMESTAMP(3)) AS published_at
FROM release_month
