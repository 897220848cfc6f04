import type { MetricSource } from './metric.ts';

/** What a table tells of itself. */
export interface TableAttributes {
  readonly recordCount: number;
  readonly sizeBytes: number;
}

/**
 * How much is in a table, as the table itself says it: DynamoDB counts anew about every six hours.
 *
 * @param options.label The table's name in the label `table`.
 * @see https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_TableDescription.html
 */
export const tableStats = (options: {
  readonly label: string;
  readonly attributes: (signal: AbortSignal) => Promise<TableAttributes>;
}): MetricSource => {
  const { label, attributes } = options;
  const labels = { table: label };
  return Object.freeze<MetricSource>({
    name: `table/${label}`,
    read: async (signal) => {
      const { recordCount, sizeBytes } = await attributes(signal);
      return {
        families: [
          {
            name: 'table_records',
            help: 'Records in the table, as it counted them last.',
            type: 'gauge',
            samples: [{ labels, value: recordCount }],
          },
          {
            name: 'table_size_bytes',
            help: 'Size of the table, as it measured it last.',
            type: 'gauge',
            samples: [{ labels, value: sizeBytes }],
          },
        ],
        unparsedCount: 0,
      };
    },
  });
};
