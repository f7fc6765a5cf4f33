/** Name of a pod's network namespace. */
export function podNetns(clusterName: string, uid: string): string {
  return `fl-${clusterName}-pod-${uid.replaceAll('-', '').slice(0, 8)}`
}
