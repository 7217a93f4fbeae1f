"""Proves in a sandbox that an environment and the account can be changed in place and back: after each apply the next
plan is empty.

The files of overrides/ change each attribute that Terraform can change in place. The values of dev change zones,
NAT, domain, firewall, protection, schedules and Spot. One line for each step, with the time it took. tests/sandbox/run --changes calls it.

With --short, one apply of dev with all of these values, one with the overrides, and one back.

Left out: attributes with a reason in overrides/attributes.toml, and tasks: each counts as running at once. environment.py rolls images out.
--short leaves out the account, protection, zones, and removals.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

# Clients of the emulated AWS.
sys.path.append(str(Path(__file__).resolve().parents[1] / "emulator"))

import inplace
import roles
from aws import REGION, Aws
from client import expect
from harness import OFFSET, ROOT, STATE, ended, in_order, proving, sandbox, succeed

ENV = "dev"
# Names a call that the emulator answers without effect.
FORGETS = STATE / "forgets"
# scripts/sandbox gives staging and prod such a certificate.
DOMAIN = '{ name = "dev.echo.test", certificate_arn = "arn:aws:acm:eu-central-1:000000000000:certificate/00000000-0000-0000-0000-000000000000" }'
SCHEDULES = '{ night = { cron = "0 22 * * ? *", min = 2, max = 3 } }'
# Values of the call of infra/echo that differ from those of dev.
DEV = {}
WITH_DOMAIN = {"domain": DOMAIN}
WITH_ALL = WITH_DOMAIN | {
    "waf": "{ enabled = true, log_counted = true }",
    "capacity": f"{{ cpu = 256, memory = 512, min = 2, max = 4, requests_per_target = 1000, schedules = {SCHEDULES} }}",
    "retention": "{ log_days = 7, flow_log_days = 3, access_log_days = 7, recovery_days = 7 }",
}
PROTECTED = WITH_ALL | {"protect": "true"}
# An override of the call of modules/interface-endpoints, which makes no endpoints beside NAT.
ENDPOINTS = {"endpoints": "local.reached_services"}


def network(zones, nat):
    return {"network": f'{{ cidr = "10.10.0.0/16", zones = {json.dumps(list(zones))}, nat = "{nat}" }}'}


# The steps, and their values.
STEPS = [
    ("a domain", WITH_DOMAIN),
    ("a firewall, schedules, scaling by requests, no Spot, and restoring the table", WITH_ALL),
    ("protection", PROTECTED),
    ("interface endpoints instead of NAT", PROTECTED | network("ab", "none")),
    ("a third zone, without NAT", PROTECTED | network("abc", "none")),
    ("two zones again, without NAT", PROTECTED | network("ab", "none")),
    ("one NAT gateway again", PROTECTED | network("ab", "single")),
    ("a NAT gateway in each zone", PROTECTED | network("ab", "per_az")),
    ("a third zone, with NAT", PROTECTED | network("abc", "per_az")),
    ("interface endpoints beside NAT", PROTECTED | network("abc", "per_az") | ENDPOINTS),
    (None, PROTECTED | network("abc", "per_az") | ENDPOINTS),
    ("one NAT gateway for three zones", PROTECTED | network("abc", "single")),
    ("a regional NAT gateway", PROTECTED | network("abc", "regional")),
    ("one NAT gateway for three zones again", PROTECTED | network("abc", "single")),
    ("two zones again, with NAT", PROTECTED | network("ab", "single")),
    ("no protection", WITH_ALL),
    ("no firewall, no schedules, scaling by CPU alone, Spot, and no restoring", WITH_DOMAIN),
    ("no domain", DEV),
]
SHORT = [
    ("all of domain, firewall, schedules, NAT in each zone and interface endpoints", WITH_ALL | network("ab", "per_az") | ENDPOINTS),
    (None, WITH_ALL | network("ab", "per_az") | ENDPOINTS),
]

attributes = inplace.of_checkout(ROOT)
declared, reasons = inplace.declared(ROOT, attributes)
# The attributes changed in place, and the modules of the plans.
seen, folders = set(), set()


def written(root, values, overridden):
    """Writes the override files of the copy that scripts/sandbox applies, or takes them away."""
    copy = STATE / "copy"
    arguments = [f"  {name} = {value}\n" for name, value in values.items() if name != "endpoints"]
    module = "account" if root == "account" else "echo"
    (copy / "environments" / root / "values_override.tf").write_text(f'module "{module}" {{\n{"".join(arguments)}}}\n')
    services = f"  services = {values['endpoints']}\n" if "endpoints" in values else ""
    (copy / "infra/echo/changed_override.tf").write_text(f'module "interface_endpoints" {{\n{services}}}\n')
    for source, folder in inplace.overrides(ROOT).items():
        override = copy / folder / "changed_override.tf"
        override.unlink(missing_ok=True)
        if overridden:
            override.write_text(source.read_text())


def planned(root, *options):
    """The plan as JSON, and the file to apply."""
    file = STATE / f"{root}.plan"
    succeed("terraform", root, "plan", f"-out={file}", *options)
    show = ["env", f"TF_DATA_DIR={STATE}/terraform/{root}", "terraform", f"-chdir={STATE}/copy/environments/{root}", "show", "-json", file]
    return json.loads(subprocess.check_output([ROOT / "scripts/sandbox", "exec", *show])), file


def change(root, values, overridden=False):
    """Applies, and notes the changed attributes. Returns the plan."""
    written(root, values, overridden)
    plan, file = planned(root)
    succeed("terraform", root, "apply", str(file))
    seen.update(inplace.changed_in_place(plan, attributes))
    folders.update(inplace.folders_of(plan).values())
    return plan


def nothing_left(root):
    """A plan by the pipeline's own script."""
    code, output = sandbox("plan", root)
    if code:
        raise AssertionError(f"the next plan ended with {code}:\n{output[:6000]}")


def replaced(plan):
    return sorted(address for _, _, address, change in inplace.changes_of(plan) if "delete" in change["actions"])


def prove_overrides(root, values, values_changed):
    """All attributes that have an override, there and back."""
    with proving(f"{root}: each attribute of overrides/ is changed, nothing is replaced, and the next plan is empty"):
        plan = change(root, values_changed, overridden=True)
        expect("what was replaced", replaced(plan), [])
        nothing_left(root)
    with proving(f"{root}: all of them are changed back, and the next plan is empty"):
        plan = change(root, values)
        expect("what was replaced", replaced(plan), [])
        nothing_left(root)


def prove_replacements():
    """Plans other names and another network, and with them each dependent attribute. Applies nothing."""
    with proving(f"{ENV}: attributes with the reason that they replace their resource do so, in a plan with other names and another network"):
        written(ENV, WITH_ALL | {"environment": '"other"', "network": '{ cidr = "10.99.0.0/16", zones = ["a", "b"], nat = "per_az" }'}, overridden=False)
        replacing, changing = inplace.replacing(planned(ENV)[0], attributes, reasons)
        said = [it for it in attributes if inplace.reason_of(it, reasons) == inplace.REPLACES]
        print(f"  {len(replacing)} of {len(said)} attributes")
        expect("attributes that do not replace their resource", sorted(changing), [])
        expect("many attributes", len(replacing) > 50, True)


def prove_forgotten():
    """A planted fault: the proof finds an update that does not arrive."""
    with proving(f"{ENV}: when AWS forgets an update, the next plan names the resource"):
        # A part of the environment is enough, and its plan is faster.
        address = "module.echo.module.network[0].aws_cloudwatch_log_group.flow_logs"
        written(ENV, {"retention": "{ flow_log_days = 5 }"}, overridden=False)
        FORGETS.write_text("Logs_20140328.PutRetentionPolicy")
        try:
            succeed("terraform", ENV, "apply", "-auto-approve", f"-target={address}")
        finally:
            FORGETS.unlink()
        plan, _ = planned(ENV, f"-target={address}")
        expect("changes of the plan", [changed for _, _, changed, _ in inplace.changes_of(plan)], [address])


def prove_all(short):
    wrong = list(inplace.undeclared(attributes, declared, reasons))
    expect("attributes that overrides/ leaves open", wrong, [])
    with proving(f"{ENV}: applied without tasks"):
        succeed("up", ENV, "--without-tasks")
    for what, values in SHORT if short else STEPS:
        if what:
            with proving(f"{ENV}: {what}, and the next plan is empty"):
                change(ENV, values)
                nothing_left(ENV)
        else:
            prove_overrides(ENV, values, values)
    prove_replacements()
    prove_forgotten()
    aws = Aws(f"http://127.0.0.1:{4566 + OFFSET}")
    with proving(f"account: the role that applies {ENV} is limited to its VPC, and the next plan is empty"):
        (network,) = (vpc for vpc in aws.ec2.describe_vpcs()["Vpcs"] if not vpc["IsDefault"])
        written("account", {"vpc_arns": f'{{ {ENV} = "arn:aws:ec2:{REGION}:{network["OwnerId"]}:vpc/{network["VpcId"]}" }}'}, overridden=False)
        succeed("terraform", "account", "apply", "-auto-approve")
        nothing_left("account")
    with proving(f"{ENV}: AWS accepts every call in its order, and no way out of a task closes before its successor opens"):
        in_order(f"apply/{ENV}")
    with proving(f"{ENV}: the pipeline's roles allow every call of Terraform, and the actions behind it"):
        found = roles.judge(STATE, roles.case(aws, STATE, {f"apply/{ENV}": f"echo-apply-{ENV}", f"plan/{ENV}": "echo-plan"}))
        roles.save_used(found, [ENV], ROOT / f"target/rights-{OFFSET}.json")
        roles.expect_all_allowed(found, 300)
    if not short:
        with proving(f"{ENV}: these changes use the rights that kept.json marks for the night"):
            roles.expect_used_at_night(ROOT / f"target/rights-{OFFSET}.json")
        prove_overrides("account", {}, {"protect": "false"})
    with proving("the changed attributes are those with an override or a value"):
        met = {attribute for attribute in attributes if attribute[0] in folders}
        expect("contradictions", list(inplace.wrong(met, seen, declared, reasons, values=not short)), [])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="three applies of dev instead of twenty, and none of the account")
    short = parser.parse_args().short
    sys.exit(ended(lambda: prove_all(short)))
