# Copyright: Slipway contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Operating a stack that stands: every verb, its guard, and what it says when something is wrong."""

from __future__ import annotations

import json
import re

import pytest

CLUSTER, SERVICE = "tv-shows-api-cluster", "tv-shows-api-web"


def operate(stack, verb, *options, inventory="inventories/local"):
    tags = ("--tags", verb) if verb else ()
    given = [part for option in options if option != "--check" for part in ("-e", option)]
    check = ["--check"] if "--check" in options else []
    return stack.play("playbooks/operations.yml", *tags, *given, *check, inventory=inventory)


def writes(stack):
    """The calls that change something; records are read with Query."""
    return [name for name in stack.writes() if name != "dynamodb:Query"]


def service(stack):
    (found,) = stack.client("ecs").describe_services(cluster=CLUSTER, services=[SERVICE])["services"]
    return found


def revision(stack):
    return service(stack)["taskDefinition"].rpartition("/")[2]


@pytest.fixture(scope="module")
def released(standing):
    """A second image released: there is something to go back to. The names of both revisions, old and new."""
    before = revision(standing)
    standing.seed(tag="1.4.2")
    run = standing.site("-e", "image_tag=1.4.2")
    assert run.rc == 0, run.text
    return before, revision(standing)


@pytest.fixture
def faults(standing):
    """Switches a fault on for one test."""
    yield lambda kind, **options: standing.control(
        "/local-cloud/faults", {"kind": kind, "match": {"service": SERVICE}, **options}
    )
    standing.control("/local-cloud/faults", method="DELETE")


@pytest.fixture(scope="module")
def two_stacks(tmp_path_factory):
    """An inventory of two hosts: only the guard ever sees it."""
    path = tmp_path_factory.mktemp("inventory") / "hosts.yml"
    host = {"stack_name": "a", "stack_environment": "x", "stack_region": "us-east-1", "stack_account_id": "1"}
    path.write_text(json.dumps({"all": {"hosts": {"one": host, "two": host}, "vars": {"ansible_connection": "local"}}}))
    return str(path)


def test_without_a_verb_the_list_is_printed(standing):
    run = operate(standing, "")
    verbs = "status diagnose logs history outputs rollback restart scale exec run unlock"
    rows = [line.split()[0] for line in run.text.splitlines() if line.startswith("    ")]
    assert run.rc == 0 and rows[2:] == verbs.split(), run.text


@pytest.mark.parametrize(
    ("verb", "words"),
    [
        pytest.param("rolback", "did you mean rollback?", id="an unknown verb fails with the nearest"),
        pytest.param("never", "There is no verb never", id="never is a tag of Ansible's, and would run everything"),
        pytest.param("restart,rollback", "one at a time", id="two verbs that change the stack"),
    ],
)
def test_a_wrong_verb_touches_nothing(standing, verb, words):
    standing.calls()
    run = operate(standing, verb)
    assert run.rc != 0 and words in run.words, run.text
    assert standing.calls() == {}


def test_a_verb_that_changes_two_stacks_has_to_say_so(standing, two_stacks):
    run = operate(standing, "restart", inventory=two_stacks)
    assert run.rc != 0 and "one, two" in run.words and "-e stacks=all" in run.words, run.text
    alone = standing.play("playbooks/restart.yml", inventory=two_stacks)
    assert alone.rc != 0 and "-e stacks=all" in alone.words, alone.text


def test_status_and_outputs_show_one_screen_and_write_nothing(released, standing):
    standing.calls()
    run = operate(standing, "status,outputs")
    assert run.rc == 0, run.text
    assert re.search(rf"web +2/2 +{released[1]} +COMPLETED +tv-shows-api@", run.text), run.text
    assert re.search(r"tv-shows-api-web +2/2 healthy", run.text) and "4 alarms are there" in run.text
    assert re.search(r"database +tv-shows-api-db +available", run.text) and re.search(r"(?m)^    free$", run.text)
    assert re.search(r"URL +https://api.tvshows.example.com", run.text)
    assert writes(standing) == []


def test_logs_are_found_and_filtered(released, standing):
    run = operate(standing, "logs", "service=web", "container=sidekiq", "since=1h", "filter=started")
    assert run.rc == 0 and "sidekiq: started" in run.text and "web: started" not in run.text, run.text
    command = "aws logs tail /ecs/tv-shows-api --log-stream-name-prefix sidekiq/sidekiq/ --filter-pattern started"
    assert f"{command} --region us-east-1 --since 1h --follow" in run.words


def test_rollback_goes_back_to_what_served_and_is_recorded(released, standing):
    old, new = released
    standing.calls()
    planned = operate(standing, "rollback", "--check")
    assert planned.rc == 0 and f"{new} -> {old}" in planned.text, planned.text
    assert writes(standing) == [] and revision(standing) == new
    run = operate(standing, "rollback")
    assert run.rc == 0 and "succeeded after" in run.text and revision(standing) == old, run.text
    plain = standing.site()  # keeps what was gone back to; only the migration's definition follows the image
    assert {what.split(" tv-")[0] for _action, what in plain.changes()} <= {"ECS task definition"}, plain.text
    assert plain.rc == 0 and revision(standing) == old
    history = operate(standing, "history")
    assert re.search(rf"rollback +{old} +succeeded", history.text), history.text
    forward = operate(standing, "rollback", "to=1.4.2")
    assert forward.rc == 0 and revision(standing) == new, forward.text


def test_rollback_refuses_an_image_that_is_gone(released, standing):
    old, new = released
    image = standing.client("ecs").describe_task_definition(taskDefinition=old)["taskDefinition"]
    digest = image["containerDefinitions"][0]["image"].partition("@")[2]
    standing.client("ecr").batch_delete_image(repositoryName="tv-shows-api", imageIds=[{"imageDigest": digest}])
    try:
        run = operate(standing, "rollback", f"to={old}")
        assert run.rc != 0 and "not in ECR any more" in run.words and revision(standing) == new, run.text
    finally:
        standing.seed()


def test_restart_ends_in_a_verdict(released, standing):
    before = service(standing)["deployments"][0]["id"]
    run = operate(standing, "restart", "service=web")
    assert run.rc == 0 and "succeeded after" in run.text, run.text
    assert service(standing)["deployments"][0]["id"] != before and revision(standing) == released[1]


def test_scale_moves_the_count_and_says_who_owns_it(released, standing):
    refused = operate(standing, "scale", "service=web", "count=20")
    assert refused.rc != 0 and "between 2 and 10" in refused.words, refused.text
    run = operate(standing, "scale", "service=web", "count=12", "max=12")
    assert run.rc == 0 and "Auto scaling owns the count, between 2 and 12" in run.words, run.text
    assert (service(standing)["desiredCount"], service(standing)["runningCount"]) == (12, 12)
    back = operate(standing, "scale", "count=2", "max=10")
    assert back.rc == 0 and service(standing)["desiredCount"] == 2, back.text


def test_exec_says_what_is_missing_and_then_gives_the_command(released, standing):
    run = operate(standing, "exec")
    assert run.rc != 0 and "execute_command: true" in run.words, run.text
    ecs = standing.client("ecs")
    ecs.update_service(cluster=CLUSTER, service=SERVICE, enableExecuteCommand=True)
    early = operate(standing, "exec")
    assert early.rc != 0 and "before execute_command was switched on" in early.words, early.text
    assert operate(standing, "restart").rc == 0
    run = operate(standing, "exec", "container=sidekiq")
    tasks = [arn.rpartition("/")[2] for arn in ecs.list_tasks(cluster=CLUSTER, serviceName=SERVICE)["taskArns"]]
    found = re.search(r"--task (\w+) --container sidekiq --interactive --command /bin/sh", run.words)
    assert found and found[1] in tasks, run.text
    ecs.update_service(cluster=CLUSTER, service=SERVICE, enableExecuteCommand=False)


def test_run_ends_with_the_exit_code_and_the_log(released, standing):
    standing.calls()
    assert operate(standing, "run", "command=bin/seed", "--check").rc == 0
    assert writes(standing) == []
    run = operate(standing, "run", 'command="bin/rails db:seed"')
    assert run.rc == 0 and "Exit code 0" in run.text and "web: started" in run.text, run.text
    standing.control("/local-cloud/faults", {"kind": "exit", "exit_code": 4, "container": "web"})
    try:
        failed = operate(standing, "run", "command=false")
    finally:
        standing.control("/local-cloud/faults", method="DELETE")
    assert failed.rc != 0 and "Exit codes: web 4" in failed.words, failed.text


def test_diagnose_names_a_crash_with_its_log(released, standing, faults):
    faults("crash", exit_code=3, container="web", log=["no such table: shows"])
    failed = operate(standing, "restart")
    assert failed.rc != 0 and "rolled_back" in failed.words and "no such table: shows" in failed.text, failed.text
    run = operate(standing, "diagnose")
    assert run.rc == 0 and "All services serve now" in run.text, run.text
    assert "essential_container_exited" in run.text and "no such table: shows" in run.text


def test_diagnose_names_a_missing_image(released, standing, faults):
    faults("image_missing")
    assert operate(standing, "restart").rc != 0
    run = operate(standing, "diagnose")
    assert "image_not_found" in run.text and "Push the image" in run.words, run.text


def test_diagnose_names_a_sick_target(released, standing, faults):
    faults("target_unhealthy", code=502)
    assert operate(standing, "restart").rc != 0
    run = operate(standing, "diagnose")
    assert "elb_health_check_failed" in run.text and "Check path, port and expected codes" in run.words, run.text


def test_a_deployment_that_does_not_get_on_is_seen(released, standing, faults):
    faults("stuck")
    standing.client("ecs").update_service(cluster=CLUSTER, service=SERVICE, forceNewDeployment=True)
    run = operate(standing, "status,diagnose")
    assert run.rc == 0 and "Deployments not at their end" in run.text and "What is wrong" in run.text, run.text
    assert re.search(r"web +deployment +in_progress", run.text), run.text
    standing.control("/local-cloud/faults", method="DELETE")
    assert operate(standing, "restart").rc == 0


def test_unlock_frees_a_lease_and_nobody_else_waits_for_it(released, standing):
    held = {"stack": {"S": "tvshows-local"}, "item": {"S": "lease"}}
    values = {":o": {"S": "gone"}, ":d": {"N": "120"}, ":s": {"S": "2026-01-01T00:00:00Z"}, ":w": {"S": "anna"}}
    standing.client("dynamodb").update_item(
        TableName="slipway-leases",
        Key=held,
        UpdateExpression="SET #o = :o, #d = :d, #s = :s, #w = :w, #b = :b ADD fence :one",
        ExpressionAttributeNames={"#o": "owner", "#d": "duration", "#s": "since", "#w": "who", "#b": "beat"},
        ExpressionAttributeValues={**values, ":b": {"N": "0"}, ":one": {"N": "1"}},
    )
    assert "anna" in operate(standing, "status").text
    refused = operate(standing, "restart", "stack_lease_wait=0")
    assert refused.rc != 0 and "anna" in refused.words, refused.text
    refused = operate(standing, "unlock")
    assert refused.rc != 0 and "anna" in refused.words and "takeover" in refused.words, refused.text
    run = operate(standing, "unlock", "takeover=tvshows-local")
    assert run.rc == 0 and "is free" in run.text, run.text
    assert operate(standing, "scale", "count=2").rc == 0
