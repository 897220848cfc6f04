import com.amazonaws.services.dynamodbv2.local.main.ServerRunner;
import com.amazonaws.services.dynamodbv2.local.server.DynamoDBProxyServer;
import org.eclipse.jetty.server.Server;
import org.eclipse.jetty.server.ServerConnector;

/**
 * DynamoDB Local on 127.0.0.1 only: by itself it listens on every address, and has no option to change that. It ends
 * when the process that started it does, however that ends.
 */
public final class LoopbackDynamoDb {
  public static void main(String[] args) throws Exception {
    ProcessHandle.current().parent().orElseThrow().onExit().thenRun(() -> Runtime.getRuntime().halt(0));
    var dynamoDb = ServerRunner.createServerFromCommandLineArgs(args);
    var jetty = DynamoDBProxyServer.class.getDeclaredField("server");
    jetty.setAccessible(true);
    for (var connector : ((Server) jetty.get(dynamoDb)).getConnectors()) {
      ((ServerConnector) connector).setHost("127.0.0.1");
    }
    dynamoDb.safeStart();
    dynamoDb.join();
  }
}
