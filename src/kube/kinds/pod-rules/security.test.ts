import { containerProblems, problemsOf, testRules } from './test-rules.ts'

const RANGE = 'must be between 0 and 2147483647, inclusive'
const SYSCTL = '^([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?$'

testRules('who a pod is', {
  at: 'spec.securityContext',
  problems: (securityContext) => problemsOf({ securityContext }),
  cases: [
    [{ runAsUser: 0, runAsGroup: 2_147_483_647, fsGroup: 1, supplementalGroups: [0] }],
    [
      { runAsUser: -1, fsGroup: 2_147_483_648, supplementalGroups: [1, -1] },
      `.fsGroup: Invalid value: 2147483648: ${RANGE}`,
      `.runAsUser: Invalid value: -1: ${RANGE}`,
      `.supplementalGroups[1]: Invalid value: -1: ${RANGE}`,
    ],
    [
      {
        sysctls: [
          { name: 'net.core.somaxconn', value: '1' },
          { name: 'net/ipv4/ip_forward', value: '1' },
        ],
      },
    ],
    [
      { sysctls: [{ name: '' }, { name: 'a b' }, { name: 'a.b' }, { name: 'a.b' }] },
      '.sysctls[0].name: Required value',
      `.sysctls[1].name: Invalid value: "a b": must have at most 253 characters and match regex ${SYSCTL}`,
      '.sysctls[3].name: Duplicate value: "a.b"',
    ],
    [
      { fsGroupChangePolicy: 'X', supplementalGroupsPolicy: 'X' },
      '.fsGroupChangePolicy: Unsupported value: "X": supported values: "Always", "OnRootMismatch"',
      '.supplementalGroupsPolicy: Unsupported value: "X": supported values: "Merge", "Strict"',
    ],
    [{ seccompProfile: { type: 'Localhost', localhostProfile: 'a' } }],
    [
      { seccompProfile: { type: 'Localhost' } },
      '.seccompProfile.localhostProfile: Required value: must be set when seccomp type is Localhost',
    ],
    [{ appArmorProfile: {} }, '.appArmorProfile.type: Required value: type is required when appArmorProfile is set'],
    [
      { windowsOptions: { runAsUserName: 'a\\b\\c' } },
      '.windowsOptions.runAsUserName: Invalid value: "a\\\\b\\\\c": runAsUserName cannot contain more than one backslash',
    ],
  ],
})

testRules('namespaces of the host', {
  at: 'spec.',
  problems: problemsOf,
  cases: [
    [
      { shareProcessNamespace: true, hostPID: true },
      'securityContext.shareProcessNamespace: Invalid value: true: ShareProcessNamespace and HostPID cannot both be enabled',
    ],
    [
      { hostNetwork: true, securityContext: { sysctls: [{ name: 'net.core.somaxconn', value: '1' }] } },
      `securityContext.sysctls[0].name: Invalid value: "net.core.somaxconn": may not be specified when 'hostNetwork' is true`,
    ],
    [{ hostUsers: false, hostNetwork: true }, 'hostNetwork: Forbidden: when `pod.Spec.HostUsers` is false'],
    [{ os: { name: 'linux' } }],
    [{ os: { name: 'plan9' } }, 'os: Unsupported value: "plan9": supported values: "linux", "windows"'],
    [
      { os: { name: 'windows' }, securityContext: { runAsUser: 1 } },
      'securityContext.runAsUser: Forbidden: cannot be set for a windows pod',
    ],
  ],
})

testRules('what a container may do', {
  at: 'spec.containers[0].securityContext',
  problems: (securityContext) => containerProblems({ securityContext }),
  cases: [
    [{ privileged: true, runAsUser: 0, capabilities: { add: ['NET_ADMIN'] }, allowPrivilegeEscalation: true }],
    [{ runAsGroup: -1 }, `.runAsGroup: Invalid value: -1: ${RANGE}`],
    [{ procMount: 'Unmasked' }, '.procMount: Invalid value: "Unmasked": `hostUsers` must be false to use `Unmasked`'],
    [
      { privileged: true, allowPrivilegeEscalation: false },
      ': Invalid value: {"privileged":true,"allowPrivilegeEscalation":false}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
    ],
  ],
})
