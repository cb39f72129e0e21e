-- What readers see of each line of business: which release, since when, signed by whom, and how many plans it has.
SELECT
    release.lob,
    release.sub_version,
    release.kind,
    release.published_at,
    release.signers,
    release.manifest_digest,
    release.release_id,
    COUNT(plan.plan_node_id) AS plans
FROM v_release AS release
LEFT JOIN v_plan_path AS plan ON plan.release_id = release.release_id AND plan.lob = release.lob
GROUP BY
    release.lob,
    release.sub_version,
    release.kind,
    release.published_at,
    release.signers,
    release.manifest_digest,
    release.release_id
ORDER BY release.lob
