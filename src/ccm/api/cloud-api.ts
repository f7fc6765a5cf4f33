/** Products of the cloud that the controller calls. */
export type CloudProduct = 'slb' | 'nlb' | 'ecs' | 'vpc'

/** An answer or a part of one, as the OpenAPI has it. */
export type Answer = Readonly<Record<string, unknown>>

/**
 * The cloud, as far as the controller knows it. A refusal is thrown as {@link CloudError}, a cloud that does not answer
 * as FairleadError `API_UNREACHABLE`: then the call may have been carried out none the less.
 */
export interface CloudApi {
  call(product: CloudProduct, action: string, parameters: Readonly<Record<string, unknown>>): Promise<Answer>
}
