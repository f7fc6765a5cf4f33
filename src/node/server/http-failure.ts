/** A request to the kubelet's server that is refused: what the answer says. */
export interface HttpFailure {
  readonly status: number
  /** Plain text; the API server makes a Status of it. */
  readonly message: string
}

export function httpFailure(status: number, message: string): HttpFailure {
  return { status, message }
}

export function isHttpFailure(value: object): value is HttpFailure {
  return 'status' in value && 'message' in value
}
