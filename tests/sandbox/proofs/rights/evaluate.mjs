// Decides questions about IAM: may a role, by its policies and its boundary, make a call on a resource in a context?
//
// Reads {"roles": {NAME: {"arn", "policies": {NAME: DOCUMENT}, "boundary": DOCUMENT or null}}, "questions": [{"role",
// "action", "resource", "context", "policy", "unchecked"}]} from standard input. Writes, for each question, {"allowed",
// "why", "by": [{"policy", "sid", "actions", "resources"}]}: the statements that allow the call, and the patterns in
// them that match. scripts/tools installs this program with its libraries. The simulator is AGPL: it runs as a program
// of its own, and no part of it is in Echo.
import { runSimulation, runUnsafeSimulation } from '@cloud-copilot/iam-simulate'

const chunks = []
for await (const chunk of process.stdin) chunks.push(chunk)
const { roles, questions } = JSON.parse(Buffer.concat(chunks))

async function decide({ role, action, resource, context, policy, unchecked }) {
  const { arn, policies, boundary } = roles[role]
  const simulation = {
    request: { principal: arn, action, resource: { resource, accountId: arn.split(':')[4] }, contextVariables: context },
    identityPolicies: Object.entries(policies).map(([name, policy]) => ({ name, policy })),
    permissionBoundaryPolicies: boundary ? [{ name: 'boundary', policy: boundary }] : undefined,
    resourcePolicy: policy ? JSON.parse(policy) : undefined,
    serviceControlPolicies: [],
    resourceControlPolicies: [],
  }
  if (unchecked) return unexplained(runUnsafeSimulation(simulation, {}), action, policies)
  const done = await runSimulation(simulation, {})
  if (done.resultType === 'error') return { allowed: false, why: `the reference refuses the question: ${JSON.stringify(done.errors)}`, by: [] }
  return answer(done.overallResult, (done.result ?? done.results[0])?.analysis)
}

function answer(result, analysis) {
  const allowing = analysis?.identityAnalysis?.allowStatements ?? []
  const denying = (analysis?.identityAnalysis?.denyStatements ?? []).map((found) => found.explain.identifier)
  const bounded = analysis?.permissionBoundaryAnalysis && analysis.permissionBoundaryAnalysis.result !== 'Allowed' && allowing.length
  const why = denying.length ? `the statement ${denying.join(', ')} denies it` : bounded ? 'the boundary does not allow it' : 'no statement allows it'
  const matching = (parts, name) => [parts ?? []].flat().filter((part) => part.matches).map((part) => part[name])
  return {
    allowed: result === 'Allowed',
    why,
    by: allowing.map((found) => ({
      policy: found.policyId,
      sid: found.explain.identifier,
      actions: matching(found.explain.actions, 'action'),
      resources: matching(found.explain.resources, 'resource'),
    })),
  }
}

// Without the reference the simulator says yes or no, and not by which statement.
function unexplained(result, action, policies) {
  const naming = (listed) => [listed].flat().filter((name) => name?.toLowerCase() === action.toLowerCase())
  const by = Object.entries(policies).flatMap(([policy, { Statement }]) =>
    [Statement].flat().map(({ Sid, Action }, index) => ({ policy, sid: Sid ?? `${index + 1}`, actions: naming(Action), resources: [] })),
  )
  return { allowed: result === 'Allowed', why: 'no statement allows it', by: by.filter(({ actions }) => actions.length) }
}

const answers = []
for (const question of questions) answers.push(await decide(question))
process.stdout.write(JSON.stringify(answers))
