import { setTimeout as sleep } from 'node:timers/promises';
import { awsCall, AwsCallError } from './aws-call.ts';

/** A resource as CloudFormation made it. */
export interface StackResource {
  readonly logicalId: string;
  /** A queue's URL, the name of most others. */
  readonly physicalId: string;
  readonly type: string;
}

export interface CloudFormation {
  /** The status of a stack, e.g. `CREATE_COMPLETE`; undefined when there is no such stack. */
  status(stack: string): Promise<string | undefined>;
  resources(stack: string): Promise<readonly StackResource[]>;
  /** Removes the stack and waits until it is gone. @throws when it does not go within a minute. */
  remove(stack: string): Promise<void>;
}

const VERSION = '2010-05-15';
/** Of 100 resources each. A template has at most 500. */
const MAX_PAGES = 10;
const REMOVE_TIMEOUT_MS = 60_000;
const POLL_MS = 250;

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };
const plain = (text: string): string =>
  text.replaceAll(/&(amp|lt|gt|quot|apos);/g, (_, name: string) => ENTITIES[name] ?? '');

/** What stands in the first element of that name. The answers hold plain names and no attributes. */
const element = (xml: string, name: string): string | undefined => {
  const [, text] = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml) ?? [];
  return text === undefined ? undefined : plain(text);
};

/** @see https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/Welcome.html */
export const cloudFormation = (endpoint: string): CloudFormation => {
  const call = (action: string, parameters: Readonly<Record<string, string>>): Promise<string> =>
    awsCall(endpoint, 'cloudformation', {
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ Action: action, Version: VERSION, ...parameters }).toString(),
    });

  const status = async (stack: string): Promise<string | undefined> => {
    try {
      const found = element(await call('DescribeStacks', { StackName: stack }), 'StackStatus');
      return found === 'DELETE_COMPLETE' ? undefined : found;
    } catch (error) {
      if (error instanceof AwsCallError && error.message.includes('does not exist')) return undefined;
      throw error;
    }
  };

  return Object.freeze({
    status,
    resources: async (stack: string) => {
      const found: StackResource[] = [];
      let token: string | undefined;
      for (let page = 0; page < MAX_PAGES; page += 1) {
        const next: Readonly<Record<string, string>> = token === undefined ? {} : { NextToken: token };
        const xml = await call('ListStackResources', { StackName: stack, ...next });
        for (const [, summary = ''] of xml.matchAll(/<member>([^]*?)<\/member>/g))
          found.push({
            logicalId: element(summary, 'LogicalResourceId') ?? '',
            physicalId: element(summary, 'PhysicalResourceId') ?? '',
            type: element(summary, 'ResourceType') ?? '',
          });
        token = element(xml, 'NextToken');
        if (token === undefined) return found;
      }
      throw new AwsCallError(`Expected stack ${stack} to have at most ${MAX_PAGES} pages of resources, got more.`);
    },
    remove: async (stack: string) => {
      await call('DeleteStack', { StackName: stack });
      const deadlineMs = performance.now() + REMOVE_TIMEOUT_MS;
      for (;;) {
        const now = await status(stack);
        if (now === undefined) return;
        if (now === 'DELETE_FAILED' || performance.now() > deadlineMs)
          throw new AwsCallError(`Stack ${stack} was not removed within ${REMOVE_TIMEOUT_MS / 1000} s: it is ${now}.`);
        await sleep(POLL_MS);
      }
    },
  });
};
