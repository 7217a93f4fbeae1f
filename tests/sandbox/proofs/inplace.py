"""The attributes that the modules configure, and the attributes that a plan changes in place.

An attribute is named by the folder of its module, its resource and its path, such as `modules/iam aws_iam_role.task description` and
`modules/load-balancer aws_lb.main access_logs.bucket`. The files of overrides/ change attributes; overrides/attributes.toml lists the others.
"""

import json
import re
import tomllib
from pathlib import Path

CHANGED = Path(__file__).parent / "overrides"
# Arguments for Terraform itself, not for a provider.
META_ARGUMENTS = {"for_each", "count", "provider", "depends_on"}
META_BLOCKS = {"lifecycle", "provisioner", "connection"}
# The reason in changed/attributes.toml that a plan can check.
REPLACES = "the provider replaces the resource"


def configured(text):
    """The paths of the attributes of each resource in a file of HCL, by `TYPE.NAME`. An empty block, such as `allow {}`, counts as an
    attribute. Relies on the form of `terraform fmt`: a line's block has a greater indentation."""
    found, blocks, skipped = {}, [], None
    for line in text.splitlines():
        indent = len(line) - len(line.lstrip())
        # The rest of a value of several lines, or of an omitted block. Its last line has the indentation of its first.
        if skipped is not None:
            if line.strip() and indent <= skipped:
                skipped = None
            continue
        if start := re.match(r'resource "(\w+)" "(\w+)" \{$', line):
            blocks, found[f"{start[1]}.{start[2]}"] = [], (paths := set())
        elif re.match(r"\S.*[{(\[]$", line):
            skipped = indent
        elif block := re.match(r'\s+(dynamic )?"?(\w+)"?(?: "[^"]*")? \{$', line):
            if not blocks and block[2] in META_BLOCKS:
                skipped = indent
            else:
                # `content` is inside of a dynamic block and adds no name.
                blocks.append((block[2], bool(block[1])) if not (blocks and blocks[-1][1] and block[2] == "content") else (None, False))
        elif block := re.match(r"\s+(\w+) \{\}$", line):
            paths.add(_path(blocks, block[1]))
        elif re.match(r"\s+\}$", line):
            blocks.pop()
        elif attribute := re.match(r"\s+(\w+) += (.*)$", line):
            of_terraform = blocks[-1][1] if blocks else attribute[1] in META_ARGUMENTS
            if not of_terraform:
                paths.add(_path(blocks, attribute[1]))
            if re.search(r"[{(\[]$|<<-?\w+$", attribute[2]):
                skipped = indent
    return found


def _path(blocks, name):
    # An empty `content` stands for its dynamic block.
    return ".".join([*(block for block, _ in blocks if block), *([] if name == "content" else [name])])


def of_file(path):
    return {(resource, path) for resource, paths in configured(path.read_text()).items() for path in paths}


def of_checkout(root):
    """All configured attributes of the folders of modules/ and infra/."""
    files = [path for parent in ("modules", "infra") for path in sorted((root / parent).glob("*/*.tf"))]
    return {(str(path.parent.relative_to(root)), *attribute) for path in files for attribute in of_file(path)}


def overrides(root):
    """The files of overrides/, each with the folder of its resources."""
    where = lambda name: f"infra/{name}" if (root / "infra" / name).is_dir() else f"modules/{name}"
    return {path: where(path.stem) for path in sorted(CHANGED.glob("*.tf"))}


def folders_of(plan):
    """The folder of each module of a plan, as `terraform show -json` gives it, by the module's path without instances."""
    folders = {}

    def visit(module, path, folder):
        folders[path] = str(folder.relative_to("/copy"))
        for name, call in module.get("module_calls", {}).items():
            # A source is a relative path: ../../modules/iam from infra/echo.
            inner = (folder / call["source"]).resolve()
            visit(call["module"], f"{path}.module.{name}".lstrip("."), inner)

    # Any folder two levels below a root stands for the environment's.
    visit(plan["configuration"]["root_module"], "", Path("/copy/environments/it"))
    return folders


def changes_of(plan):
    """The changes of a plan: folder, `TYPE.NAME`, address and change of each changed resource instance."""
    folders = folders_of(plan)
    for resource in plan["resource_changes"]:
        change = resource["change"]
        if resource["mode"] == "managed" and set(change["actions"]) - {"no-op", "read"}:
            folder = folders[re.sub(r"\[[^]]*\]", "", resource.get("module_address", ""))]
            yield folder, f"{resource['type']}.{resource['name']}", resource["address"], change


def values_at(document, path):
    """The values at a path without null: of all blocks of a kind, whatever their order and number."""
    found = [document]
    for name in path.split("."):
        inner = [part for value in found for part in (value if isinstance(value, list) else [value])]
        found = [part[name] for part in inner if isinstance(part, dict) and part.get(name) is not None]
    return {json.dumps(value, sort_keys=True) for value in found}


def changed_in_place(plan, attributes):
    """The attributes that the plan changes without a replacement of their resource."""
    of_resource = {}
    for folder, resource, path in attributes:
        of_resource.setdefault((folder, resource), []).append(path)
    found = set()
    for folder, resource, _, change in changes_of(plan):
        if change["actions"] == ["update"]:
            for path in of_resource.get((folder, resource), []):
                if values_at(change["before"], path) != values_at(change["after"], path):
                    found.add((folder, resource, path))
    return found


def replacing(plan, attributes, reasons):
    """The attributes with the reason that they replace their resource: those that do in this plan, and those that only change."""
    of_resource = {}
    for folder, resource, path in attributes:
        if reason_of((folder, resource, path), reasons) == REPLACES:
            of_resource.setdefault((folder, resource), []).append(path)
    replace, change_only = set(), set()
    for folder, resource, _, change in changes_of(plan):
        if change["before"] and change["after"] is not None:
            why = {".".join(part for part in path if isinstance(part, str)) for path in change.get("replace_paths", [])}
            for path in of_resource.get((folder, resource), []):
                if values_at(change["before"], path) != values_at(change["after"], path):
                    said = any(path == part or path.startswith(f"{part}.") for part in why)
                    (replace if said else change_only).add((folder, resource, path))
    return replace, change_only


def declared(root, attributes):
    """The attributes with an override, and the reasons of others: why they stay, or `values` of an environment."""
    written = {(folder, *attribute) for path, folder in overrides(root).items() for attribute in of_file(path)}
    # Terraform replaces all blocks of a kind by those of the override.
    blocks = {(folder, resource, path.partition(".")[0]) for folder, resource, path in written if "." in path}
    changed = {it for it in attributes if it in written or (*it[:2], it[2].partition(".")[0]) in blocks}
    changed |= {it for it in written if it[:2] not in {known[:2] for known in attributes}}
    listed = tomllib.loads((CHANGED / "attributes.toml").read_text())
    reasons = {(of, path): reason for reason, types in listed.items() for of, paths in types.items() for path in paths}
    return changed, reasons


def reason_of(attribute, reasons):
    """A reason, `values`, or None."""
    _, resource, path = attribute
    return reasons.get((resource, path)) or reasons.get((resource.partition(".")[0], path))


def undeclared(attributes, changed, reasons):
    """A sentence for each attribute without override or reason, and for each superfluous one."""
    for attribute in sorted(attributes - changed):
        if not reason_of(attribute, reasons):
            yield f"{' '.join(attribute)}: change it by an override in tests/sandbox/proofs/overrides, or say in attributes.toml there why it stays"
    resources = {attribute[:2] for attribute in attributes}
    for folder, resource, _ in sorted(changed):
        if (folder, resource) not in resources:
            yield f"{folder} {resource}: tests/sandbox/proofs/overrides overrides it, and the module has no such resource"
    used = {key for _, resource, path in attributes for key in ((resource, path), (resource.partition(".")[0], path))}
    for of, path in sorted(set(reasons) - used):
        yield f"{of} {path}: take it out of tests/sandbox/proofs/overrides/attributes.toml, because no module configures it"


def wrong(attributes, seen, changed, reasons, values=True):
    """A sentence for each override or reason that the plans contradict. Without `values`, no value of the environment was changed."""
    for attribute in sorted(attributes):
        reason = reason_of(attribute, reasons)
        stays = reason not in (None, "values")
        if attribute in seen and stays:
            yield f"{' '.join(attribute)} changes in place: take it out of tests/sandbox/proofs/overrides/attributes.toml ({reason})"
        if attribute not in seen and not stays and (values if reason else attribute in changed):
            yield f"{' '.join(attribute)} was not changed in place by any plan"
