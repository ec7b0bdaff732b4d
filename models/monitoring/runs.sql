{{ config(enabled=target.type == 'duckdb') }}

-- Every run of a file: its package, its records, and its outcome by the last record of
-- the ledger.

with

ledger as (

    select * from {{ ref('stg_publish__ledger') }}

),

manifests as (

    select * from {{ ref('stg_publish__manifests') }}

),

gate_results as (

    select * from {{ ref('stg_publish__gates') }}

),

ended as (

    select
        file,
        run_id,
        feed,
        split,
        file_name,
        event,
        {{ utc_timestamp('at_raw') }} as ended_at,
        row_count,
        byte_count,
        render_seconds,
        judge_seconds,
        package_seconds,
        deliver_seconds

    from ledger
    where
        event in ('delivered', 'held', 'failed', 'unknown')
        and file is not null
        and run_id is not null
    qualify
        row_number() over (
            partition by file, run_id
            order by position desc
        ) = 1

),

final as (

    select
        coalesce(manifests.file, ended.file) as file,
        coalesce(manifests.run_id, ended.run_id) as run_id,
        coalesce(manifests.feed, ended.feed) as feed,
        coalesce(manifests.split, ended.split) as split,
        manifests.environment,
        coalesce(manifests.file_name, ended.file_name) as file_name,
        {{ utc_timestamp('manifests.logical_raw') }} as logical_at,
        {{ utc_timestamp('manifests.built_raw') }} as built_at,
        coalesce(manifests.row_count, ended.row_count) as row_count,
        coalesce(manifests.byte_count, ended.byte_count) as byte_count,
        gate_results.gates_result,
        coalesce(ended.event, 'not delivered') as outcome,
        ended.ended_at,
        ended.render_seconds,
        ended.judge_seconds,
        ended.package_seconds,
        ended.deliver_seconds,
        manifests.code_commit,
        manifests.dbt_invocation_id,
        manifests.previous_package_sha256,
        manifests.file is not null as is_package_kept

    from manifests
    full outer join ended
        on
            manifests.file = ended.file
            and manifests.run_id = ended.run_id
    left join gate_results
        on
            manifests.file = gate_results.file
            and manifests.run_id = gate_results.run_id

)

select * from final
