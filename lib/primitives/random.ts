/** A source of chance. Seeded in the memory backend, so that a run can be replayed. */
export interface Random {
  /** Uniform in [0, 1). Not for secrets. */
  next(): number;
  /** A UUID, version 4. From the platform's secure source in production. */
  uuid(): string;
}
