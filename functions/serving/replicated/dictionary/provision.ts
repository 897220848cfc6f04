/**
 * `node functions/serving/replicated/dictionary/provision.ts BUCKET`: fills the bucket of the dictionary at
 * AWS_ENDPOINT_URL, else on AWS. The plugin beside it runs this at every start and deployment; where all is there
 * already, that is one call. Ends when whoever started it ends.
 */
import path from 'node:path';
import { awsObjects } from '#primitives/aws/objects';
import { fillBucket } from './fill.ts';
import { packedDictionary } from './pack.ts';

const [, , bucket = ''] = process.argv;
const FOLDER = path.resolve(import.meta.dirname, '../../../../.dictionary');

process.once('disconnect', () => process.exit(1));
try {
  const count = await fillBucket(awsObjects({ name: bucket }), () => packedDictionary(FOLDER));
  console.log(count === 0 ? 'The dictionary is there.' : `The dictionary was filled in: ${count} objects.`);
  process.exit(0);
} catch (error) {
  console.error(`The dictionary was not filled in: ${error instanceof Error ? error.message : String(error)}`);
  process.exit(1);
}
