import { isLocalStage } from '#primitives/local-stage';
import { buildSharpLayer } from './sharp-layer.ts';

/** What the framework hands to a plugin, as far as this one uses it. */
interface Framework {
  readonly serviceDir: string;
  readonly processedInput: { readonly commands: readonly string[] };
  readonly pluginManager: { readonly plugins: readonly object[] };
  getProvider(name: 'aws'): { getStage(): string };
}

/** The part of the framework that puts layers into the template. */
interface LayerCompiler {
  compareWithLastLayer: (layer: string) => Promise<void>;
}

const isLayerCompiler = (plugin: object): plugin is LayerCompiler => 'compareWithLastLayer' in plugin;

/**
 * Builds the layers of the service before they are packaged. Functions that run offline have no layers: there they
 * find packages in node_modules.
 */
export default class LayersPlugin {
  readonly hooks: Readonly<Record<string, () => Promise<void>>>;
  readonly #framework: Framework;

  constructor(framework: Framework) {
    this.#framework = framework;
    this.hooks = {
      'before:package:createDeploymentArtifacts': () => this.#build(),
      'before:package:compileLayers': () => this.#packageWithoutAws(),
    };
  }

  #build(): Promise<void> {
    const stage = this.#framework.getProvider('aws').getStage();
    return buildSharpLayer({ serviceDir: this.#framework.serviceDir, withOwnPlatform: isLocalStage(stage) });
  }

  /**
   * The framework asks CloudFormation for the layers of the last deployment so as not to upload one twice. To
   * `serverless package`, which uploads nothing, that is of no use, and it would fail where there is no account.
   */
  async #packageWithoutAws(): Promise<void> {
    const { processedInput, pluginManager } = this.#framework;
    if (processedInput.commands[0] !== 'package') return;
    const compiler = pluginManager.plugins.find(isLayerCompiler);
    if (compiler === undefined) throw new Error('Expected the framework to have a compiler of layers, found none.');
    compiler.compareWithLastLayer = async () => undefined;
  }
}
