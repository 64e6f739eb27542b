/**
 * The messages of Kubernetes' protobuf by field number, as in the generated.proto of k8s.io/api and its neighbours.
 *
 * A type is a scalar (`string`, `bytes`, `int32`, `int64`, `double`, `bool`), a time (`Time`, `MicroTime`), JSON text
 * (`Json`), or a message's name. The prefix `[]` marks a repeated field, `{}` a map from string, `*` a field that is sent
 * only when set. Others are always sent, and then empty means "not set"; `!` marks
 * those of list elements that Go writes into JSON even then. (Elsewhere nobody owns such a value: the server adds it.)
 */
export type Fields = Readonly<Record<number, readonly [name: string, type: string]>>;
export type Messages = Readonly<Record<string, Fields>>;
