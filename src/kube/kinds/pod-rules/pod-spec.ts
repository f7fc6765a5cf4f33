import type { PodSpec } from '../../types/core.ts'
import type { Findings } from '../../validation/findings.ts'
import { labelProblems, qualifiedNameProblems, subdomainProblems } from '../../validation/names.ts'
import { validateLabels } from '../../validation/object-meta.ts'
import { validateRequirements } from '../../validation/resource-list.ts'
import { checkEphemeral } from '../pod-ephemeral-validation.ts'
import { checkAffinity } from './affinity.ts'
import { checkHostNetwork } from './container-ports.ts'
import { checkContainers, checkInitContainers, type PodContext } from './containers.ts'
import { checkDns, checkHostAlias } from './dns.ts'
import { checkHostProcesses, checkOperatingSystem } from './operating-system.ts'
import { checkPodResources, type PodLevelResources } from './pod-resources.ts'
import { checkPodClaims } from './resource-claims.ts'
import { checkHostUsers, checkPodSecurity } from './security.ts'
import { checkToleration } from './tolerations.ts'
import { checkTopologySpread } from './topology-spread.ts'
import { checkVolumes } from './volumes.ts'

const RESTARTS = ['Always', 'OnFailure', 'Never']
const DNS_POLICIES = ['ClusterFirstWithHostNet', 'ClusterFirst', 'Default', 'None']
const DEADLINES = [1, 2 ** 31 - 1] as const
const MAX_HOSTNAME = 64

/** Names in a pod's spec, and what is wrong with them. */
const NAMES = [
  ['serviceAccountName', subdomainProblems],
  ['nodeName', subdomainProblems],
] as const
const LATER_NAMES = [
  ['hostname', labelProblems],
  ['subdomain', labelProblems],
] as const

/**
 * Rules of a pod's spec, in upstream's order (`ValidatePodSpec`).
 *
 * @param podName Of the pod itself, empty when it is not known yet; undefined for a template.
 */
export function checkPodSpec(spec: PodContext['spec'], podName: string | undefined, found: Findings): void {
  const volumes = checkVolumes(spec.volumes, podName, found)
  const pod: PodContext = { spec, volumes, found }
  checkPodClaims(spec.resourceClaims, found)
  checkContainers(pod)
  checkInitContainers(pod)
  if (spec.ephemeralContainers !== undefined) checkEphemeral(pod)
  const { resources } = spec as { readonly resources?: PodLevelResources }
  found.within(resources, 'resources', (amounts) => checkPodResources(amounts, spec, found))
  checkHostNetwork(spec, podName !== undefined, found)
  found.oneOf('restartPolicy', spec.restartPolicy, RESTARTS)
  found.oneOf('dnsPolicy', spec.dnsPolicy, DNS_POLICIES)
  if (spec.nodeSelector !== undefined) found.add(validateLabels(spec.nodeSelector, 'nodeSelector'))
  checkPodSecurity(spec, found)
  found.within(spec.affinity, 'affinity', checkAffinity)
  checkDns(spec, found)
  checkGates(spec, found)
  checkTopologySpread(spec.topologySpreadConstraints, found)
  checkHostProcesses(spec, found)
  checkHostUsers(spec, found)
  checkNames(spec, found)
  found.each(spec.tolerations, 'tolerations', checkToleration)
  found.each(spec.hostAliases, 'hostAliases', checkHostAlias)
  checkClasses(spec, found)
  checkOperatingSystem(spec, found)
}

function checkGates({ readinessGates, schedulingGates }: PodSpec, found: Findings): void {
  found.each(readinessGates, 'readinessGates', ({ conditionType = '' }: { conditionType?: string }) =>
    found.problems('conditionType', conditionType, qualifiedNameProblems(conditionType)),
  )
  const seen = new Set<string>()
  found.each(schedulingGates, 'schedulingGates', ({ name = '' }: { name?: string }) => {
    found.problems('', name, qualifiedNameProblems(name))
    if (seen.has(name)) found.duplicate('', name)
    seen.add(name)
  })
}

function checkNames(spec: PodSpec & { readonly hostnameOverride?: string }, found: Findings): void {
  for (const [field, problems] of NAMES) checkName(field, spec[field], { problems, found })
  found.between('activeDeadlineSeconds', spec.activeDeadlineSeconds, DEADLINES)
  for (const [field, problems] of LATER_NAMES) checkName(field, spec[field], { problems, found })
  const { hostnameOverride: override } = spec
  if (override === undefined) return
  found.problems('hostnameOverride', override, subdomainProblems(override))
  if (override.length > MAX_HOSTNAME) found.tooLong('hostnameOverride', MAX_HOSTNAME)
}

function checkClasses(spec: PodSpec, found: Findings): void {
  const { runtimeClassName: runtime, overhead } = spec
  checkName('priorityClassName', spec.priorityClassName, { problems: subdomainProblems, found })
  if (runtime !== undefined) found.problems('runtimeClassName', runtime, subdomainProblems(runtime))
  if (spec.preemptionPolicy === '') found.required('preemptionPolicy')
  else found.oneOf('preemptionPolicy', spec.preemptionPolicy, ['PreemptLowerPriority', 'Never'])
  if (overhead !== undefined) found.add(validateRequirements({ limits: overhead }, 'overhead'))
}

interface NameRule {
  readonly problems: (value: string) => readonly string[]
  readonly found: Findings
}

function checkName(field: string, value: string | undefined, { problems, found }: NameRule): void {
  if (value) found.problems(field, value, problems(value))
}
