/** Who is told in managedFields to have done what kube's controllers do. */
export const UPKEEP_MANAGER = 'kube-controller-manager';
