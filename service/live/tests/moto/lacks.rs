//! What moto lacks.

/// Operations of ours that moto does not have at all.
pub const MOTO_HAS_NOT: [&str; 19] = [
    "eks:AssociateAccessPolicy",
    "eks:CreateAccessEntry",
    "eks:CreateAddon",
    "eks:DeleteAccessEntry",
    "eks:DeleteAddon",
    "eks:DescribeAccessEntry",
    "eks:DescribeAddon",
    "eks:DescribeAddonVersions",
    "eks:DescribeUpdate",
    "eks:ListAddons",
    "eks:ListInsights",
    "eks:StartInsightsRefresh",
    "eks:UpdateAddon",
    "eks:UpdateClusterVersion",
    "eks:UpdateNodegroupVersion",
    "pricing:GetProducts",
    "savingsplans:DescribeSavingsPlanRates",
    "savingsplans:DescribeSavingsPlans",
    "servicequotas:ListServiceQuotas",
];
/// What is no operation, but a right.
pub const NO_OPERATION: &str = "iam:PassRole";

/// Operation, promise, and what moto does instead. Each is tried: what moto begins to keep has to be taken off.
/// That it tells all instance types at once is not: it takes half a minute.
pub const MOTO_LACKS: [(&str, &str, &str); 21] = [
    ("eks:ListNodegroups", "a strange cluster is not found", "answers 500"),
    ("eks:CreateNodegroup", "a group is made in its time", "is ACTIVE at once"),
    ("eks:CreateNodegroup", "a strange subnet is refused", "takes any"),
    ("eks:CreateNodegroup", "a strange launch template is refused", "takes any"),
    ("eks:CreateNodegroup", "an Auto Scaling group is behind a node group", "names one that is not there"),
    ("eks:UpdateNodegroupConfig", "sizes out of order are refused", "takes any"),
    ("eks:UpdateNodegroupConfig", "one update runs at a time", "is done at once"),
    ("eks:DeleteNodegroup", "a group goes in its time", "is gone at once"),
    ("autoscaling:SetDesiredCapacity", "more than the greatest size is refused", "takes any"),
    ("autoscaling:SetDesiredCapacity", "a strange group is refused", "answers 500"),
    ("autoscaling:TerminateInstanceInAutoScalingGroup", "a strange machine is refused", "answers 500"),
    ("autoscaling:TerminateInstanceInAutoScalingGroup", "the least size is kept", "goes below it"),
    ("autoscaling:DescribeScalingActivities", "a launch that fails is told", "tells none, and none fails"),
    ("ec2:DescribeInstanceTypeOfferings", "offerings come in pages", "come all at once"),
    ("ec2:DescribeSpotPriceHistory", "prices are of the zone that is asked for", "are of all zones"),
    ("ec2:DescribeSpotPriceHistory", "prices are of the system that is asked for", "are of another"),
    ("ec2:DescribeSpotPriceHistory", "the first price is the one in force", "is of 2006"),
    ("ec2:DescribeSpotPriceHistory", "prices come in pages", "come all at once"),
    ("ec2:DeleteLaunchTemplate", "what is gone is not found", "answers MissingParameter"),
    ("pricing:GetProducts", "products are texts that can be read", "has no price list"),
    ("pricing:GetProducts", "products come in pages", "has no price list"),
];
