import { alarmsOf } from './alarms.ts';
import { gatewayResponses } from './gateway-responses.ts';
import type { Permissions } from './permissions.ts';
import { rolesOf, type RoleOwner } from './roles.ts';
import { safeguards } from './safeguards.ts';
import type { Resources } from './template.ts';

interface FunctionDefinition {
  readonly permissions?: Permissions;
  role?: { readonly 'Fn::Sub': string };
}

/** The parts of the framework that this plugin uses. */
interface Framework {
  readonly service: {
    readonly service: string;
    readonly functions: Readonly<Record<string, FunctionDefinition>>;
    readonly provider: { compiledCloudFormationTemplate: { Resources: Resources } };
    readonly custom: {
      readonly settings: { readonly isLocal: boolean; readonly retainsData: boolean; readonly alarmEmail: string };
    };
  };
  readonly configSchemaHandler: { defineFunctionProperties(provider: 'aws', schema: object): void };
  getProvider(name: 'aws'): {
    getStage(): string;
    readonly naming: {
      getNormalizedFunctionName(key: string): string;
      getLambdaLogicalId(key: string): string;
      getLogGroupLogicalId(key: string): string;
    };
  };
}

/** `permissions` of a function: ids of resources, each with actions of IAM without the service in front. */
const SCHEMA = {
  properties: {
    permissions: {
      type: 'object',
      additionalProperties: { type: 'array', minItems: 1, uniqueItems: true, items: { type: 'string' } },
    },
  },
};

/**
 * Completes the template as it is packaged, so that a pattern states only what is its own: each function gets a role
 * that allows what its `permissions` name and no more; outside local stages there are also alarms, safeguards of the
 * data, and the platform's own answers in the form of ours. Does nothing when functions run offline.
 */
export default class AwsPlugin {
  readonly hooks: Readonly<Record<string, () => void>>;
  readonly #framework: Framework;

  constructor(framework: Framework) {
    this.#framework = framework;
    framework.configSchemaHandler.defineFunctionProperties('aws', SCHEMA);
    this.hooks = {
      // Before the framework makes the one role that functions without a role of their own share.
      'before:package:setupProviderConfiguration': () => this.#nameRoles(),
      'after:aws:package:finalize:mergeCustomProviderResources': () => this.#complete(),
    };
  }

  #owners(): readonly RoleOwner[] {
    const { naming } = this.#framework.getProvider('aws');
    return Object.entries(this.#framework.service.functions).map(([key, { permissions = {} }]) => ({
      key,
      roleId: `${naming.getNormalizedFunctionName(key)}Role`,
      functionId: naming.getLambdaLogicalId(key),
      logGroupId: naming.getLogGroupLogicalId(key),
      permissions,
    }));
  }

  #nameRoles(): void {
    const { functions } = this.#framework.service;
    for (const { key, roleId } of this.#owners())
      // Of its id, or of a Fn::GetAtt, the framework would make a dependency that is one already.
      Object.assign(functions[key] ?? {}, { role: { 'Fn::Sub': `\${${roleId}.Arn}` } });
  }

  #complete(): void {
    const { service } = this.#framework;
    const template = service.provider.compiledCloudFormationTemplate;
    const { Resources: own } = template;
    const { isLocal, retainsData, alarmEmail } = service.custom.settings;
    const prefix = `${service.service}-${this.#framework.getProvider('aws').getStage()}`;
    Object.assign(own, rolesOf(this.#owners(), own));
    if (isLocal) return;
    Object.assign(
      own,
      alarmsOf(own, { prefix, email: alarmEmail }),
      gatewayResponses(own),
      safeguards(own, { retainsData }),
    );
  }
}
