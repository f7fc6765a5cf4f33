import { containerProblems, problemsOf, testRules } from './test-rules.ts'

const emptyDir = {}
const MODE = 'must be a number between 0 and 0777 (octal), both inclusive'
const token = (more: object) => ({ projected: { sources: [{ serviceAccountToken: more }] } })

testRules('sources of volumes', {
  at: 'spec.volumes[0]',
  problems: (source) => problemsOf({ volumes: [{ name: 'v', ...source }] }),
  cases: [
    [{ emptyDir: { sizeLimit: '1Gi' } }],
    [{}, ': Required value: must specify a volume type'],
    [
      { emptyDir: { sizeLimit: '-1' } },
      '.emptyDir.sizeLimit: Forbidden: SizeLimit field must be a valid resource quantity',
    ],
    [
      { emptyDir, hostPath: { path: '/x' }, downwardAPI: {} },
      '.hostPath: Forbidden: may not specify more than 1 volume type',
      '.downwarAPI: Forbidden: may not specify more than 1 volume type',
    ],
    [{ hostPath: { path: '' } }, '.hostPath.path: Required value'],
    [{ hostPath: { path: '/a/../b' } }, `.hostPath.path: Invalid value: "/a/../b": must not contain '..'`],
    [
      { hostPath: { path: '/a', type: 'X' } },
      '.hostPath.type: Unsupported value: "X": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
    ],
    [{ secret: { secretName: 'a', defaultMode: 0o777, items: [{ key: 'k', path: 'a/b', mode: 0 }] } }],
    [
      {
        secret: {
          defaultMode: 0o1000,
          items: [
            { key: 'k', path: '..x' },
            { path: '/x', mode: -1 },
          ],
        },
      },
      '.secret.secretName: Required value',
      `.secret.defaultMode: Invalid value: 512: ${MODE}`,
      `.secret.items[0].path: Invalid value: "..x": must not start with '..'`,
      '.secret.items[1].key: Required value',
      '.secret.items[1].path: Invalid value: "/x": must be a relative path',
      `.secret.items[1].mode: Invalid value: -1: ${MODE}`,
    ],
    [{ configMap: {} }, '.configMap.name: Required value'],
    [{ persistentVolumeClaim: {} }, '.persistentVolumeClaim.claimName: Required value'],
    [{ nfs: { server: 's', path: 'x' } }, '.nfs.path: Invalid value: "x": must be an absolute path'],
    [
      { downwardAPI: { items: [{ path: 'a' }] } },
      '.downwardAPI: Required value: one of fieldRef and resourceFieldRef is required',
    ],
    [token({ path: 't', expirationSeconds: 600 })],
    [
      token({ path: '../t', expirationSeconds: 599 }),
      '.projected.sources[0].serviceAccountToken.expirationSeconds: Invalid value: 599: may not specify a duration less than 10 minutes',
      `.projected.path: Invalid value: "../t": must not contain '..'`,
    ],
    [
      { projected: { sources: [{ secret: { name: 'a' }, configMap: { name: 'b' } }] } },
      '.projected.sources[0]: Forbidden: may not specify more than 1 volume type per source',
    ],
    [{ csi: { driver: 'a.b' } }],
    [{ image: { reference: 'x', pullPolicy: 'Never' } }],
    [{ image: { pullPolicy: 'Never' } }, '.image.reference: Required value'],
    [{ ephemeral: {} }, '.ephemeral.volumeClaimTemplate: Required value'],
    [
      { azureDisk: { diskName: 'a', diskURI: 'x', kind: 'Managed' } },
      '.azureDisk.diskURI: Unsupported value: "x": supported values: "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"',
    ],
  ],
})

testRules('names of volumes', {
  at: 'spec.volumes',
  problems: problemsOf,
  cases: [
    [{ volumes: [{ name: '', emptyDir }] }, '[0].name: Required value'],
    [
      {
        volumes: [
          { name: 'a', emptyDir },
          { name: 'a', emptyDir },
        ],
      },
      '[1].name: Duplicate value: "a"',
    ],
    [
      {
        volumes: [
          {
            name: 'e',
            ephemeral: {
              volumeClaimTemplate: {
                spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
              },
            },
          },
          { name: 'c', persistentVolumeClaim: { claimName: 'p-e' } },
        ],
      },
      '[1].persistentVolumeClaim.claimName: Invalid value: "p-e": must not reference a PVC that gets created for an ephemeral volume',
    ],
  ],
})

const volumes = [
  { name: 'v', emptyDir },
  { name: 'p', persistentVolumeClaim: { claimName: 'x' } },
]

testRules('where containers have volumes', {
  at: 'spec.containers[0].volume',
  problems: (container) => containerProblems(container, { volumes }),
  cases: [
    [{ volumeMounts: [{ name: 'v', mountPath: '/a', subPath: 'b' }] }],
    [
      { volumeMounts: [{ name: 'x', mountPath: '' }] },
      'Mounts[0].name: Not found: "x"',
      'Mounts[0].mountPath: Required value',
    ],
    [
      {
        volumeMounts: [
          { name: 'v', mountPath: '/a' },
          { name: 'v', mountPath: '/a' },
        ],
      },
      'Mounts[1].mountPath: Invalid value: "/a": must be unique',
    ],
    [
      { volumeMounts: [{ name: 'v', mountPath: '/a', subPath: '/x', subPathExpr: 'y' }] },
      'Mounts.subPath: Invalid value: "/x": must be a relative path',
      'Mounts[0].subPathExpr: Invalid value: "y": subPathExpr and subPath are mutually exclusive',
    ],
    [
      { volumeMounts: [{ name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional' }] },
      'Mounts.mountPropagation: Forbidden: Bidirectional mount propagation is available only to privileged containers',
    ],
    [
      {
        securityContext: { privileged: true },
        volumeMounts: [{ name: 'v', mountPath: '/a', mountPropagation: 'Bidirectional' }],
      },
    ],
    [
      { volumeMounts: [{ name: 'v', mountPath: '/a', recursiveReadOnly: 'Enabled' }] },
      'Mounts.recursiveReadOnly: Forbidden: may only be specified when readOnly is true',
    ],
    [{ volumeDevices: [{ name: 'p', devicePath: '/d' }] }],
    [
      { volumeDevices: [{ name: 'v', devicePath: '/a/../b' }] },
      'Devices[0].name: Invalid value: "v": can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode',
      `Devices[0].devicePath: Invalid value: "/a/../b": can not contain backsteps ('..')`,
    ],
  ],
})
