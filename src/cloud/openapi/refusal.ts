import { FairleadError } from '../../base/error.ts'

/**
 * Why the cloud's API does not do what it is asked: the `Code` that clients match on, the HTTP status, and a message.
 * Codes are those of the product's API reference.
 */
export class Refusal extends FairleadError {
  readonly apiCode: string
  readonly status: number

  constructor(apiCode: string, message: string, status = 400) {
    super('CLOUD_REFUSED', message)
    this.name = 'Refusal'
    this.apiCode = apiCode
    this.status = status
  }
}
