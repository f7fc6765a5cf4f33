/**
 * The system calls that a container with `seccompProfile: RuntimeDefault` is refused: those that containerd's default
 * profile leaves out because they reach beyond the container, unless a capability of the container is what they need.
 * Source: containerd, contrib/seccomp; Docker Engine documentation, "Seccomp security profiles for Docker"
 */
import { constants } from 'node:os'

/** Nobody in a container may. */
const NEVER = [
  ...['_sysctl', 'add_key', 'create_module', 'get_kernel_syms', 'keyctl', 'nfsservctl', 'personality', 'pivot_root'],
  ...['query_module', 'request_key', 'sysfs', 'uselib', 'userfaultfd', 'ustat', 'vm86', 'vm86old', 'kexec_file_load'],
  ...['kexec_load', 'swapoff', 'swapon', 'io_uring_enter', 'io_uring_register', 'io_uring_setup', 'move_pages'],
]

const WITH_CAPABILITY: Readonly<Record<string, readonly string[]>> = {
  CAP_SYS_ADMIN: [
    ...['fanotify_init', 'fsconfig', 'fsmount', 'fsopen', 'fspick', 'lookup_dcookie', 'mount', 'mount_setattr'],
    ...['move_mount', 'open_tree', 'quotactl', 'quotactl_fd', 'setdomainname', 'sethostname', 'setns', 'umount'],
    ...['umount2', 'unshare'],
  ],
  CAP_SYS_BOOT: ['reboot'],
  CAP_SYS_MODULE: ['delete_module', 'finit_module', 'init_module'],
  CAP_SYS_PACCT: ['acct'],
  CAP_SYS_PTRACE: ['kcmp', 'pidfd_getfd', 'process_madvise', 'process_vm_readv', 'process_vm_writev'],
  CAP_SYS_RAWIO: ['ioperm', 'iopl'],
  CAP_SYS_TIME: ['clock_adjtime64', 'clock_settime', 'clock_settime64', 'settimeofday', 'stime'],
  CAP_SYS_TTY_CONFIG: ['vhangup'],
  CAP_SYS_NICE: ['get_mempolicy', 'mbind', 'set_mempolicy', 'set_mempolicy_home_node'],
  CAP_SYSLOG: ['syslog'],
  CAP_BPF: ['bpf'],
  CAP_PERFMON: ['perf_event_open'],
  CAP_DAC_READ_SEARCH: ['open_by_handle_at'],
}

/** CLONE_NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWNS. */
const CLONE_FLAGS = [0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000, 0x00020000]

const { EPERM, ENOSYS } = constants.errno

/** `linux.seccomp` of an OCI bundle (OCI runtime specification 1.0.2). */
export function defaultSeccomp(capabilities: readonly string[]): object {
  const lacking = Object.entries(WITH_CAPABILITY).filter(([capability]) => !capabilities.includes(capability))
  const refused = [...NEVER, ...lacking.flatMap(([, names]) => names)]
  const action = { action: 'SCMP_ACT_ERRNO', errnoRet: EPERM }
  // Its flags lie in memory, where no filter sees them: without it, programs take clone.
  const clones = [
    { names: ['clone3'], action: 'SCMP_ACT_ERRNO', errnoRet: ENOSYS },
    ...CLONE_FLAGS.map((flag) => ({
      names: ['clone'],
      ...action,
      args: [{ index: 0, value: flag, valueTwo: flag, op: 'SCMP_CMP_MASKED_EQ' }],
    })),
  ]
  return {
    defaultAction: 'SCMP_ACT_ALLOW',
    syscalls: [{ names: refused, ...action }, ...(capabilities.includes('CAP_SYS_ADMIN') ? [] : clones)],
  }
}
