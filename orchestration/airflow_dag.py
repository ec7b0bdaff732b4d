"""A DAG of Airflow 3. Copy it to the folder of DAGs of a worker that has the project.

The commands run in the project's own environment; Airflow needs none of its packages.
PARTNER_FEEDS names the project's folder; its .env has the settings.
"""

import os
import subprocess
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

from airflow.providers.standard.hooks.subprocess import SubprocessHook
from airflow.sdk import DAG, BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException
from airflow.timetables.trigger import CronTriggerTimetable

HOME = Path(os.environ.get("PARTNER_FEEDS", "/srv/partner-feeds"))


class Command(BaseOperator):
    """Run a command of the project; Airflow tries it again after exit code 75 only."""

    def __init__(self, *, command: list[str], **options: Any) -> None:
        super().__init__(**options)
        self.command = command

    @cached_property
    def hook(self) -> SubprocessHook:
        """Runs the command, and writes its output to the log of the task."""
        return SubprocessHook()

    def execute(self, context: Any) -> None:
        """Run it."""
        name, *words = self.command
        program = str(HOME / ".venv/bin" / name)
        code = self.hook.run_command([program, *words], cwd=str(HOME)).exit_code
        if code == 75:
            raise AirflowException(f"{self.command}: 75, retry later")
        if code != 0:
            raise AirflowFailException(f"{self.command}: {code}, a person must act")

    def on_kill(self) -> None:
        """End the command with the task; it is safe to run it again."""
        self.hook.send_sigterm()


def alert(context: Any) -> None:
    """Send what is new, after a task has failed for good."""
    subprocess.run([HOME / ".venv/bin/monitor", "alert"], cwd=HOME, check=False)


with DAG(
    dag_id="partner_feeds",
    # 08:00 UTC all year. A feed that is due by another clock names its `time_zone`.
    schedule=CronTriggerTimetable("0 8 * * *", timezone="UTC"),
    catchup=False,
    max_active_runs=1,
    default_args={
        "retries": 3,
        "retry_delay": timedelta(seconds=int(os.environ.get("RETRY_SECONDS", "900"))),
        "on_failure_callback": alert,
    },
) as dag:
    # A task runs only if the one before it ended with 0. The last one sends the end of
    # problems.
    (
        Command(task_id="extract", command=["extract"])
        >> Command(task_id="build", command=["publish", "build"])
        >> Command(task_id="publish", command=["publish", "--due"])
        >> Command(task_id="alert", command=["monitor", "alert"])
    )
