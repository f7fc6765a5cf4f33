/** Types of core/v1 for who a pod's processes are and what they may do. */

export interface SeccompProfile {
  readonly type?: string
  readonly localhostProfile?: string
}

export type AppArmorProfile = SeccompProfile

export interface WindowsOptions {
  readonly gmsaCredentialSpecName?: string
  readonly gmsaCredentialSpec?: string
  readonly runAsUserName?: string
  readonly hostProcess?: boolean
}

/** Of one container. */
export interface SecurityContext {
  readonly capabilities?: { readonly add?: readonly string[]; readonly drop?: readonly string[] }
  readonly privileged?: boolean
  readonly seLinuxOptions?: object
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly runAsNonRoot?: boolean
  readonly readOnlyRootFilesystem?: boolean
  readonly allowPrivilegeEscalation?: boolean
  readonly procMount?: string
  readonly windowsOptions?: WindowsOptions
  readonly seccompProfile?: SeccompProfile
  readonly appArmorProfile?: AppArmorProfile
}

/** Of all containers of a pod. */
export interface PodSecurityContext {
  readonly seLinuxOptions?: object
  readonly runAsUser?: number
  readonly runAsGroup?: number
  readonly runAsNonRoot?: boolean
  readonly supplementalGroups?: readonly number[]
  readonly supplementalGroupsPolicy?: string
  readonly fsGroup?: number
  readonly fsGroupChangePolicy?: string
  readonly sysctls?: readonly { readonly name?: string; readonly value?: string }[]
  readonly windowsOptions?: WindowsOptions
  readonly seccompProfile?: SeccompProfile
  readonly appArmorProfile?: AppArmorProfile
  readonly seLinuxChangePolicy?: string
}
