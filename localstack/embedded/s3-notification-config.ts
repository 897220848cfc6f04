import { randomUUID } from 'node:crypto';
import { coversS3Event, S3_EVENTS } from '#event-sources/s3-event';
import { escapeXml } from './answers.ts';
import { Refused } from './refusal.ts';
import { childrenOf, parseXml, textOf, type XmlElement } from './s3-xml.ts';

export type TargetKind = 'queue' | 'topic' | 'function';

/** Who is told of which changes. */
export interface NotificationTarget {
  readonly id: string;
  readonly kind: TargetKind;
  readonly arn: string;
  readonly events: readonly string[];
  readonly prefix: string;
  readonly suffix: string;
}

export interface NotificationConfig {
  readonly targets: readonly NotificationTarget[];
  readonly eventBridge: boolean;
}

const invalid = (message: string): Refused => new Refused('InvalidArgument', message);
const malformed = (message: string): Refused => new Refused('MalformedXML', message);

/** How each kind is spelled in the document. */
const KINDS: Readonly<Record<string, { readonly kind: TargetKind; readonly arn: string; readonly form: RegExp }>> = {
  QueueConfiguration: { kind: 'queue', arn: 'Queue', form: /^arn:aws:sqs:[\w-]+:\d{12}:[\w-]+$/ },
  TopicConfiguration: { kind: 'topic', arn: 'Topic', form: /^arn:aws:sns:[\w-]+:\d{12}:[\w-]+$/ },
  CloudFunctionConfiguration: {
    kind: 'function',
    arn: 'CloudFunction',
    form: /^arn:aws:lambda:[\w-]+:\d{12}:function:[\w-]+(:[\w$-]+)?$/,
  },
};
const MAX_TARGETS = 100;

/** @see https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-filtering.html */
const filterOf = (element: XmlElement): Pick<NotificationTarget, 'prefix' | 'suffix'> => {
  const rules = childrenOf(element, 'Filter')
    .flatMap((filter) => childrenOf(filter, 'S3Key'))
    .flatMap((key) => childrenOf(key, 'FilterRule'))
    .map((rule) => ({ name: (textOf(rule, 'Name') ?? '').toLowerCase(), value: textOf(rule, 'Value') ?? '' }));
  for (const { name } of rules) {
    if (name !== 'prefix' && name !== 'suffix') throw invalid('filter rule name must be either prefix or suffix');
    if (rules.filter((rule) => rule.name === name).length > 1)
      throw invalid(`Cannot specify more than one ${name} rule in a filter.`);
  }
  const valueOf = (name: string): string => rules.find((rule) => rule.name === name)?.value ?? '';
  return { prefix: valueOf('prefix'), suffix: valueOf('suffix') };
};

const targetOf = (element: XmlElement): NotificationTarget => {
  const spelled = KINDS[element.name];
  if (spelled === undefined) throw malformed(`'${element.name}' is not known here.`);
  const arn = textOf(element, spelled.arn) ?? '';
  if (!spelled.form.test(arn)) throw invalid('The ARN could not be parsed, or is not one that can be notified.');
  const events = childrenOf(element, 'Event').map(({ text }) => text);
  if (events.length === 0) throw malformed('A configuration names at least one event.');
  const unknown = events.find((event) => !S3_EVENTS.includes(event));
  if (unknown !== undefined)
    throw invalid(`The event '${unknown}' is not supported for notifications. Known here: ${S3_EVENTS.join(', ')}.`);
  return { id: textOf(element, 'Id') ?? randomUUID(), kind: spelled.kind, arn, events, ...filterOf(element) };
};

const overlap = (a: NotificationTarget, b: NotificationTarget): boolean => {
  const starts = a.prefix.startsWith(b.prefix) || b.prefix.startsWith(a.prefix);
  const ends = a.suffix.endsWith(b.suffix) || b.suffix.endsWith(a.suffix);
  return starts && ends && a.events.some((x) => b.events.some((y) => coversS3Event(x, y) || coversS3Event(y, x)));
};

/** @throws {@link Refused} when S3 would refuse the configuration, or it asks for what cannot happen here. */
export const parseNotificationConfig = (document: string): NotificationConfig => {
  const root = parseXml(document);
  if (root === undefined || root.name !== 'NotificationConfiguration')
    throw malformed('The XML you provided was not well-formed or did not validate against our published schema');
  const [bus, others] = [
    childrenOf(root, 'EventBridgeConfiguration'),
    root.children.filter(({ name }) => name !== 'EventBridgeConfiguration'),
  ];
  if (others.length > MAX_TARGETS) throw invalid(`A bucket has at most ${MAX_TARGETS} notification configurations.`);
  const targets = others.map(targetOf);
  if (new Set(targets.map(({ id }) => id)).size < targets.length)
    throw invalid('Same ID used for multiple configurations. IDs must be unique');
  if (targets.some((target, index) => targets.slice(index + 1).some((other) => overlap(target, other))))
    throw invalid(
      'Configuration is ambiguously defined. Cannot have overlapping suffixes in two rules if the prefixes are overlapping for the same event type.',
    );
  return { targets, eventBridge: bus.length > 0 };
};

const rule = (name: string, value: string): string =>
  value === '' ? '' : `<FilterRule><Name>${name}</Name><Value>${escapeXml(value)}</Value></FilterRule>`;

const targetXml = ({ id, kind, arn, events, prefix, suffix }: NotificationTarget): string => {
  const [element = '', spelled] = Object.entries(KINDS).find(([, each]) => each.kind === kind) ?? [];
  const rules = rule('Prefix', prefix) + rule('Suffix', suffix);
  return (
    `<${element}><Id>${escapeXml(id)}</Id><${spelled?.arn ?? ''}>${escapeXml(arn)}</${spelled?.arn ?? ''}>` +
    events.map((event) => `<Event>${event}</Event>`).join('') +
    (rules === '' ? '' : `<Filter><S3Key>${rules}</S3Key></Filter>`) +
    `</${element}>`
  );
};

/** The document of a configuration, as a client reads it back. */
export const notificationXml = ({ targets, eventBridge }: NotificationConfig): string =>
  '<?xml version="1.0" encoding="UTF-8"?>\n<NotificationConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">' +
  targets.map(targetXml).join('') +
  (eventBridge ? '<EventBridgeConfiguration/>' : '') +
  '</NotificationConfiguration>';

/** Whether the target is to be told of a change. */
export const isToldOf = (target: NotificationTarget, event: string, key: string): boolean =>
  key.startsWith(target.prefix) &&
  key.endsWith(target.suffix) &&
  target.events.some((asked) => coversS3Event(asked, `s3:${event}`));
