"""Proofs of Application Auto Scaling: schedules and metrics change the number of tasks, within the bounds."""

import datetime
import os
import signal
import subprocess

from client import expect
from harness import ROOT
from strict import EMULATOR_GROUP, Packets, bounded, bounds, desired, hurried, scalable_target, scale, scaling, until


def prove_schedule(echo):
    target, before = scalable_target(echo), desired(echo)
    soon = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=2)
    name = {"ScheduledActionName": "proof", **target}
    with bounded(echo):
        scaling(echo).put_scheduled_action(**name, Schedule=f"at({soon:%Y-%m-%dT%H:%M:%S})", ScalableTargetAction={"MinCapacity": before + 1, "MaxCapacity": before + 1})
        try:
            until("the schedule scales out", lambda: desired(echo) == before + 1)
        finally:
            scaling(echo).delete_scheduled_action(**name)
    until("one more task runs", lambda: len(echo.tasks()) == before + 1)
    expect("the activity", latest_activity(echo), f"scheduled action name proof was triggered: from {before} to {before + 1}")
    scale(echo, before)


def latest_activity(echo):
    return scaling(echo).describe_scaling_activities(ServiceNamespace="ecs", ResourceId=scalable_target(echo)["ResourceId"])["ScalingActivities"][0]["Cause"]


def prove_requests(echo):
    """A policy with a low target, added behind Terraform's back."""
    (balancer,) = echo.aws.elbv2.describe_load_balancers(Names=[echo.name])["LoadBalancers"]
    groups = echo.aws.elbv2.describe_target_groups(LoadBalancerArn=balancer["LoadBalancerArn"])["TargetGroups"]
    (mocks,) = (group["TargetGroupArn"] for group in groups if "-mocks-" in group["TargetGroupName"])
    label = f"{balancer['LoadBalancerArn'].partition('loadbalancer/')[2]}/{mocks.rpartition(':')[2]}"
    name, before = {"PolicyName": "proof", **scalable_target(echo)}, desired(echo)
    metric = {"PredefinedMetricType": "ALBRequestCountPerTarget", "ResourceLabel": label}
    tracking = {"TargetValue": 1, "PredefinedMetricSpecification": metric, "ScaleOutCooldown": 60}
    scaling(echo).put_scaling_policy(**name, PolicyType="TargetTrackingScaling", TargetTrackingScalingPolicyConfiguration=tracking)

    def scaled():
        for _ in range(5):
            echo.no_mock("GET", "/load")
        return desired(echo) > before

    try:
        with hurried(20):
            until("requests scale out", scaled)
    finally:
        scaling(echo).delete_scaling_policy(**name)
    expect("the activity", "policy proof triggered" in latest_activity(echo), True)
    scale(echo, before)


def prove_processor(echo):
    """Calls of each task's own address: the sandbox's load balancer is too slow for such a load."""
    lowest, highest = bounds(echo)
    echo.create("GET", "/load", body="x")
    prefix = [ROOT / "scripts/sandbox", "exec", "setpriv", f"--regid={EMULATOR_GROUP}", "--keep-groups", "wrk", "--connections", "32", "--duration", "10m"]
    with hurried(20):
        floods = [subprocess.Popen([*prefix, f"http://{address}:8080/load"], stdout=subprocess.DEVNULL, start_new_session=True) for address in Packets(echo).addresses]
        try:
            until("load scales out", lambda: desired(echo) == highest, 300)
            expect("the activity", f"policy {echo.name}-cpu triggered" in latest_activity(echo), True)
        finally:
            for flood in floods:
                # All processes: the script would end and leave the flood.
                os.killpg(flood.pid, signal.SIGTERM)
                flood.wait()
        until("low use scales in", lambda: desired(echo) == lowest, 300)
    until("the tasks run", lambda: len(echo.tasks()) == lowest)
    echo.serves()
