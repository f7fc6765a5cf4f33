/** `/version`: the release of Kubernetes whose API this is, with Fairlead as its build. */
export const versionInfo = {
  major: '1',
  minor: '36',
  gitVersion: 'v1.36.0+fairlead',
  gitCommit: '',
  gitTreeState: 'clean',
  buildDate: '1970-01-01T00:00:00Z',
  goVersion: '',
  compiler: '',
  platform: `linux/${process.arch === 'x64' ? 'amd64' : process.arch}`,
} as const
