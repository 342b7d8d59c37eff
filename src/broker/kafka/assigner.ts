/** Gives every member of a consumer group all partitions. */
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const name = 'odin-everything';
const version = 1;

/**
 * A group of odin has one member. Should two nodes carry the same name by mistake, each still
 * reads everything, where the usual assigners would give each of them half.
 */
export const assignEverything: PartitionAssigner = ({ cluster }) => ({
  name,
  version,
  async assign({ members, topics }) {
    const assignment = Object.fromEntries(
      topics.map((topic) => [
        topic,
        cluster.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId),
      ]),
    );
    return members.map(({ memberId }) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version,
        assignment,
        userData: Buffer.alloc(0),
      }),
    }));
  },
  protocol({ topics }) {
    return {
      name,
      metadata: AssignerProtocol.MemberMetadata.encode({
        version,
        topics,
        userData: Buffer.alloc(0),
      }),
    };
  },
});
